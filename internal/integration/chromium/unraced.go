//go:build !race

package chromium

const raced = false
