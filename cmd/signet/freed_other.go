//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

func overwriteFreed() error { return nil } // no process begins anew under its own id there
