package rooms

// Refusal is an error that a client may hear: a stable code (docs/protocol.md
// 3.4) and, where it helps, a text for people.
type Refusal struct {
	Code string // "ERR_…"
	Text string // may be empty
}

func (r *Refusal) Error() string {
	if r.Text == "" {
		return r.Code
	}
	return r.Code + ": " + r.Text
}

func refuse(code string) *Refusal { return &Refusal{Code: code} }
