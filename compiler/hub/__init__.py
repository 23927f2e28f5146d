"""Repositories of the Hugging Face Hub, reached through huggingface_hub."""
