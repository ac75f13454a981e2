//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import "syscall"

// Requests for the mode of a terminal.
const (
	getMode = syscall.TIOCGETA
	setMode = syscall.TIOCSETA
)
