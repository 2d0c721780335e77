//go:build !linux

package pgserver

import "syscall"

// endWithParent does nothing here: a killed test binary leaves its server running.
func endWithParent(*syscall.SysProcAttr) {}
