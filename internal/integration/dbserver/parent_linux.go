package dbserver

import "syscall"

// endWithParent ends a server whose test binary was killed.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
