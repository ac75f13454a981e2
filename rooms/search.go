package rooms

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a search.
const (
	maxWords   = 8
	minWord    = 2  // characters
	maxWord    = 64 // characters
	maxPattern = 1024
)

// chatSearch finds messages by words (docs/protocol.md 8.8). Clients of the
// predecessor never ask for it.
func (r *Room) chatSearch(c call) {
	var in struct {
		Text   string `json:"text"`
		Before any    `json:"before"`
		Length any    `json:"length"`
	}
	if !c.into(&in) || len(in.Text) > maxPattern {
		r.answer(c, "chat", nil, "ERR_INVALID_DATA")
		return
	}
	q := SearchQuery{Words: searchWords(in.Text), Limit: defaultPage}
	if n, ok := positive(in.Length); ok {
		q.Limit = int(min(n, maxPage))
	}
	q.Before, _ = positive(in.Before)
	if len(q.Words) == 0 {
		r.answer(c, "chat", nil, "ERR_INVALID_DATA")
		return
	}
	if !c.isRequest() {
		return // nobody would hear the answer
	}
	if !r.persistent {
		r.answerSearch(c, r.chat.search(q))
		return
	}
	search := func(ctx context.Context) ([]Message, error) { return r.hub.store.Search(ctx, r.id, q) }
	if r.isWork() {
		search = r.workSearch(r.members[c.from.Account], q)
	}
	started := r.hub.background(func(ctx context.Context) {
		found, err := search(ctx)
		if err != nil {
			r.log.Error("log not searched", "err", err)
			r.answer(c, "chat", nil, "ERR_LOG_FAILED")
			return
		}
		r.answerSearch(c, found)
	})
	if !started {
		r.answer(c, "chat", nil, "ERR_LOG_FAILED")
	}
}

func (r *Room) answerSearch(c call, found []Message) {
	page := newLogPage("before", found, nil)
	r.answer(c, "chat", event{"search", page.Data}, "")
}

// separates says whether a character is between words: they are made of letters, the
// marks on them, and digits.
func separates(c rune) bool { return !unicode.In(c, unicode.L, unicode.M, unicode.N) }

// searchWords cuts a text into the words that are searched for: each once, short ones
// left out.
func searchWords(text string) []string {
	var words []string
	seen := map[string]bool{}
	for _, w := range strings.FieldsFunc(text, separates) {
		w = clip(strings.ToLower(w), maxWord)
		if utf8.RuneCountInString(w) >= minWord && !seen[w] && len(words) < maxWords {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}

// search is the same for a log that is in memory as a whole.
func (l *chatLog) search(q SearchQuery) []Message {
	var found []Message
	for n := len(l.tail) - 1; n >= 0 && len(found) < q.Limit; n-- {
		if msg := l.tail[n]; (q.Before == 0 || msg.Time < q.Before) && msg.Status == "" && holdsAll(msg.Text, q.Words) {
			found = append([]Message{msg}, found...)
		}
	}
	return found
}

// holdsAll says whether each of the words is the beginning of a word of the text.
func holdsAll(text string, words []string) bool {
	in := strings.FieldsFunc(strings.ToLower(text), separates)
	for _, w := range words {
		found := false
		for _, t := range in {
			found = found || strings.HasPrefix(t, w)
		}
		if !found {
			return false
		}
	}
	return true
}
