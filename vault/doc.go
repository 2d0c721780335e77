// Package vault seals credentials under rotating keys, bound to their owner.
package vault
