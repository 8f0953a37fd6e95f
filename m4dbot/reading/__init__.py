"""From raw bytes to what a person newly wrote. Touches nothing: no network, no store, no clock."""
