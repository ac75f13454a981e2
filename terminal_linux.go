package main

import "syscall"

// Requests for the mode of a terminal.
const (
	getMode = syscall.TCGETS
	setMode = syscall.TCSETS
)
