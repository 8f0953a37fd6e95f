"""What an e-discussion is, which week it is, what is due. Touches nothing: time is an argument."""
