// Package nopcommercetest is a nopCommerce for tests.
package nopcommercetest
