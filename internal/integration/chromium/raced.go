//go:build race

package chromium

// raced says whether the tests are built to find races: what they build is then built the
// same way, so that its packages are compiled once.
const raced = true
