"""A processor of a repo's own: every placeholder becomes as many as an image has."""

from transformers import BatchFeature, ProcessorMixin


class EmberProcessor(ProcessorMixin):
    def __init__(self, image_processor=None, tokenizer=None, image_seq_length=196, **kwargs):
        self.image_token = "<|ember_image|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.image_seq_length = image_seq_length
        super().__init__(image_processor, tokenizer, **kwargs)

    def __call__(self, text=None, images=None, return_tensors=None, **kwargs):
        texts = [text] if isinstance(text, str) else list(text)
        data = {}
        if images is not None:
            data = dict(self.image_processor(images, return_tensors=return_tensors))
            many = self.image_token * self.image_seq_length
            texts = [part.replace(self.image_token, many) for part in texts]
        return BatchFeature({**self.tokenizer(texts, return_tensors=return_tensors), **data})
