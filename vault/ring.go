package vault

// Ring is the keys that wrap data keys, oldest first.
type Ring struct{}
