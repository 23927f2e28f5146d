"""What a model is given and what it says: front ends, tokenizers, and the Hub files that state them."""
