package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. It is long: the program
// runs with the race detector, and other tests run beside it.
const patience = 20 * time.Second

// stopTime is how long the program may take to stop.
const stopTime = 10 * time.Second

// process is a running program whose output is kept.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when the process is gone
}

// output collects what a process writes to standard output and standard error.
type output struct {
	mu   sync.Mutex // guards the fields below
	text bytes.Buffer
	more chan struct{} // closed at the next write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.text.Write(p)
}

// now returns the text so far, and a channel that is closed when there is more.
func (o *output) now() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.more
}

func (o *output) String() string { text, _ := o.now(); return text }

// launch starts a program; it is killed after the test if it still runs.
func launch(t testing.TB, out *output, folder, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, output: out, ended: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = folder, out, out
	// Nothing of the surroundings may count; the race detector ends a process that
	// had a race with this status.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "GORACE=exitcode=66"}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		defer close(p.ended)
		// The signal at the parent's death comes when the starting thread ends: this
		// one lives as long as the process.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // the exit status says how it ended
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %v: %v", s, err)
	}
}

// kill ends the process at once, as a power cut would; it may have ended already.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// running says whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// exitStatus waits for the end of the process.
func (p *process) exitStatus(limit time.Duration) int {
	p.t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-timer.C:
		p.signal(syscall.SIGQUIT) // the goroutines go to the log
		p.kill()
		p.t.Errorf("the process did not end within %v:\n%s", limit, p.output)
		return -1
	}
}

// awaitLine waits until the output holds a text.
func (p *process) awaitLine(text string) string {
	p.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		all, more := p.output.now()
		if strings.Contains(all, text) {
			return all
		}
		select {
		case <-more:
		case <-p.ended:
			p.t.Fatalf("the process ended without saying %q:\n%s", text, p.output)
		case <-timer.C:
			p.t.Fatalf("the process did not say %q within %v:\n%s", text, patience, all)
		}
	}
}

// residentKiB is the memory that the process holds now, VmRSS.
func (p *process) residentKiB() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				p.t.Fatal(err)
			}
			return kib
		}
	}
	p.t.Fatal("/proc has no VmRSS")
	return 0
}

// clockTick is the unit of CPU times in /proc: USER_HZ, which is 100 on Linux.
const clockTick = 10 * time.Millisecond

// cpuTime is the CPU time that a process has used so far.
func cpuTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The second field is the name in parentheses and may hold blanks.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	var ticks time.Duration
	for _, n := range []int{11, 12} { // utime, stime
		v, err := strconv.ParseInt(fields[n], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(v)
	}
	return ticks * clockTick
}
