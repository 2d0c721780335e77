//go:build !race

package nopshop_test

const raced = false
