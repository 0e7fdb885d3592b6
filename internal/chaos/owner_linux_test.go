package chaos_test

import (
	"os/exec"
	"syscall"
)

// dieWithOwner lets a node end when the test process is killed.
func dieWithOwner(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
