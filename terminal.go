//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// isTerminal says whether somebody sees what is written to a file, or types what is
// read from it.
func isTerminal(f *os.File) bool {
	var mode syscall.Termios
	return ioctl(f, getMode, &mode) == nil
}

// maxSecret is the longest line that is taken for a secret, in bytes.
const maxSecret = 1024

// askSecret asks a question on the terminal of the process and reads a line that is
// not shown.
func askSecret(ctx context.Context, question string) (secret string, err error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("open the terminal: %w", err)
	}
	defer tty.Close()
	var mode syscall.Termios
	if err := ioctl(tty, getMode, &mode); err != nil {
		return "", fmt.Errorf("ask the terminal for its mode: %w", err)
	}
	silent := mode
	silent.Lflag &^= syscall.ECHO
	if err := ioctl(tty, setMode, &silent); err != nil {
		return "", fmt.Errorf("keep the terminal from showing what is typed: %w", err)
	}
	defer func() {
		if back := ioctl(tty, setMode, &mode); back != nil {
			err = errors.Join(err, fmt.Errorf("give the terminal its mode back: %w", back))
		}
		fmt.Fprintln(tty)
	}()
	// An interrupt ends the waiting, and the mode is given back all the same.
	stop := context.AfterFunc(ctx, func() { _ = tty.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	fmt.Fprint(tty, question)
	secret, err = readLine(tty)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return secret, err
}

// readLine reads the first line, without its end.
func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxSecret+2)).ReadString('\n')
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", err
	case len(line) > maxSecret:
		return "", fmt.Errorf("the line is longer than %d bytes", maxSecret)
	}
	return line, nil
}

func ioctl(f *os.File, request uintptr, mode *syscall.Termios) error {
	raw, err := f.SyscallConn() // Fd would make reads wait for ever
	if err != nil {
		return err
	}
	var failed syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(mode)))
	})
	if err == nil && failed != 0 {
		err = failed
	}
	return err
}
