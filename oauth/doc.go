// Package oauth begins, finishes, renews and ends an OAuth connection.
package oauth
