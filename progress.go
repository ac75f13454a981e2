package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// How often progress is shown: a bar is drawn in place, lines add up.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
)

// progress shows how far long work has come: on a terminal as a bar in one line
// that is drawn again and again, elsewhere as a line now and then. It is not safe
// for concurrent use.
type progress struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	what         string
	total, first int64 // rows in all (negative: not known), and those done before Begin
	done         int64
	begun, shown time.Time
	drawn        int // characters of the bar's line that stand on the terminal
}

// newProgress shows progress on out; terminal says that out is one.
func newProgress(out io.Writer, terminal bool) *progress {
	return &progress{out: out, terminal: terminal, now: time.Now}
}

// Begin tells that work on total rows begins, of which done are done already. A
// negative total means that nobody knows: then the time is shown. Without any rows
// nothing is.
func (p *progress) Begin(what string, done, total int64) {
	p.what, p.first, p.done, p.total = what, done, done, total
	p.begun = p.now()
	p.shown = p.begun
	if p.terminal && total != 0 {
		p.draw()
	}
}

// At tells that so many rows are done. All of them are shown by End.
func (p *progress) At(done int64) {
	p.done = done
	if p.total >= 0 && done >= p.total {
		return
	}
	every := lineEvery
	if p.terminal {
		every = barEvery
	}
	if now := p.now(); now.Sub(p.shown) >= every {
		p.shown = now
		p.draw()
	}
}

// End tells that the work is done; a line with its size and time stays, unless there
// is nothing to tell.
func (p *progress) End() {
	took := p.now().Sub(p.begun)
	if p.total == 0 || p.total < 0 && took < time.Second {
		p.wipe()
		return
	}
	text := fmt.Sprintf("%-36s done in %s", p.what, inSeconds(took))
	if p.total > 0 {
		text = fmt.Sprintf("%-36s %s rows in %s", p.what, grouped(p.done), inSeconds(took))
		if rate := p.rate(took); rate > 0 {
			text += fmt.Sprintf(", %s rows/s", grouped(rate))
		}
	}
	p.put(text)
	if p.terminal {
		fmt.Fprintln(p.out)
	}
	p.drawn = 0
}

// Stop leaves the bar's line, before something else is written: an error.
func (p *progress) Stop() {
	if p.drawn > 0 {
		fmt.Fprintln(p.out)
		p.drawn = 0
	}
}

// wipe takes the bar away.
func (p *progress) wipe() {
	if p.drawn > 0 {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", p.drawn))
		p.drawn = 0
	}
}

func (p *progress) draw() {
	took := p.now().Sub(p.begun)
	if p.total < 0 {
		p.put(fmt.Sprintf("%-36s %s so far", p.what, inSeconds(took)))
		return
	}
	text := fmt.Sprintf("%s of %s", grouped(p.done), grouped(p.total))
	if rate := p.rate(took); rate > 0 {
		left := time.Duration(float64(p.total-p.done) / float64(rate) * float64(time.Second))
		text += fmt.Sprintf("  %s/s  %s left", grouped(rate), inSeconds(max(0, left)))
	}
	share := float64(min(p.done, p.total)) / float64(p.total)
	if !p.terminal {
		p.put(fmt.Sprintf("%-36s %3.0f%%  %s", p.what, 100*share, text))
		return
	}
	const width = 20
	full := int(share * width)
	p.put(fmt.Sprintf("%-24s [%s%s] %3.0f%%  %s", p.what, strings.Repeat("#", full), strings.Repeat(".", width-full), 100*share, text))
}

// put writes a line; on a terminal over the one before, and not longer than most
// are wide.
func (p *progress) put(text string) {
	if !p.terminal {
		fmt.Fprintln(p.out, text)
		return
	}
	const wide = 100
	text = text[:min(len(text), wide)]
	fmt.Fprintf(p.out, "\r%s%s", text, strings.Repeat(" ", max(0, p.drawn-len(text))))
	p.drawn = len(text)
}

// rate is that of the rows since Begin, per second; 0 while nobody can say.
func (p *progress) rate(took time.Duration) int64 {
	if took < 200*time.Millisecond {
		return 0
	}
	return int64(float64(p.done-p.first) / took.Seconds())
}

// inSeconds writes a time as people say it: 0.4 s, 12 s, 3 min 5 s, 2 h 7 min.
func inSeconds(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
}

// grouped writes a number with commas: 1,234,567.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
