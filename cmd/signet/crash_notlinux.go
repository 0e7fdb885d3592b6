//go:build !linux

package main

func forbidLooks() error { return nil } // no other system has it
