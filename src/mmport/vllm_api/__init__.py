"""What each vLLM release offers a model author, as data drawn from the release's source."""
