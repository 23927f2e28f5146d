"""What published configurations call the same quantity, for messages about a name that is not known.

Nothing is ever read under a second name. A misspelt name resembles the right one and needs no table; one out
of another family's config.json, or out of another library, resembles nothing.
"""

from __future__ import annotations

from collections.abc import Collection

_GROUPS = (
    # Sizes
    "d_model hidden_size hidden_dim n_embd embed_dim model_dim dim width embedding_dim encoder_embed_dim "
    "decoder_embed_dim",
    "encoder_layers decoder_layers layers num_hidden_layers num_layers n_layer n_layers num_encoder_layers "
    "num_decoder_layers encoder_num_layers decoder_num_layers depth",
    "encoder_attention_heads decoder_attention_heads heads num_attention_heads num_heads n_head n_heads "
    "nhead encoder_num_heads decoder_num_heads",
    "encoder_ffn_dim decoder_ffn_dim inner intermediate_size d_ff ffn_dim n_inner dim_feedforward "
    "feedforward_dim mlp_dim encoder_ffn_embed_dim decoder_ffn_embed_dim encoder_intermediate_size "
    "decoder_intermediate_size",
    "vocab_size vocabulary n_vocab vocabulary_size num_embeddings",
    "max_source_positions max_target_positions maximum max_position_embeddings n_positions n_ctx "
    "max_seq_len max_sequence_length",
    "num_conv_layers num_feat_extract_layers subsampler_layers",
    "conv_kernel_sizes kernels conv_kernel kernel_size kernel_sizes",
    "conv_channels channels conv_dim",
    "input_feat_per_channel num_mel_bins feature_size n_mels num_mels mel_bins input_dim",
    # Rates and switches
    "dropout hidden_dropout hidden_dropout_prob dropout_rate resid_pdrop p_dropout",
    "attention_dropout attention_probs_dropout_prob attn_pdrop attn_dropout",
    "encoder_layerdrop decoder_layerdrop layerdrop layer_drop",
    "activation_function activation hidden_act act_fn activation_fn",
    "init_std initializer_range init_range",
    "eps layer_norm_eps layer_norm_epsilon norm_eps",
    "tie_word_embeddings share_decoder_input_output_embed tie_embeddings",
    # Ids
    "decoder_start_token_id decoder_start",
    "pad_token_id pad padding_idx padding_row pad_id",
    "bos_token_id bos bos_id",
    "eos_token_id eos eos_id",
    # Decoding and audio
    "num_beams beam beams beam_size beam_width",
    "max_new_tokens max_tokens",
    "do_sample sample sampling",
    "sampling_rate sample_rate",
)


def synonyms(name: str, known: Collection[str]) -> list[str]:
    """The names out of `known` for what `name` means elsewhere; of a side's name, those of that side."""
    same = [word for group in _GROUPS if name in (words := group.split()) for word in words]
    found = [word for word in same if word in known and word != name]
    sides = [side for side in ("encoder", "decoder") if side in name]
    return [word for word in found if any(side in word for side in sides)] or found
