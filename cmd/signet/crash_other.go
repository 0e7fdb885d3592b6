//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

func forbidCores() error { return nil } // no core files here
