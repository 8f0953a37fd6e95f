"""Which passage answers which week and question, on what evidence, how sure. Touches nothing."""
