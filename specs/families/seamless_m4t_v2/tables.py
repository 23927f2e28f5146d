"""The tables of SeamlessM4T-v2 in generation_config.json: languages, pieces of text and their characters."""

from __future__ import annotations

from specs.tables import HostTable

TABLES = {
    "text_decoder_lang_to_code_id": HostTable("ids", "vocab_size", "decode", True, "__{}__"),
    "id_to_text": HostTable("texts", "vocab_size", "predict_durations"),
    "char_to_id": HostTable("ids", "char_vocab_size", "predict_durations"),
    "t2u_lang_code_to_id": HostTable("ids", "t2u_vocab_size", "predict_durations", True),
    "vocoder_lang_code_to_id": HostTable("ids", "vocoder_num_langs", "vocode", True),
}
"""Field of generation_config.json -> the table it is."""
