// Package inbox receives, verifies, stores, works, polls and buries events.
package inbox
