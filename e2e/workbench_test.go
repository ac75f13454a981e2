package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"presence/friendcore/friendcoretest"
	"presence/sql/sqltest"
)

// company is a FriendCore with many workgroups: 20 super groups with 10 children each,
// 10 people at the head of each and 24 in each child, 5,000 in all.
type company struct {
	heads   []person   // of the first super group
	workers [][]person // of its children
	supers  []string   // numbers
	top     string     // client id of the first super group
	below   []string   // client ids of its children
}

const (
	companySupers   = 20
	companyChildren = 10
	companyHeads    = 10
	companyWorkers  = 24
)

func newCompany(core *friendCore) *company {
	c := &company{}
	staff := func(prefix string, n int) []person {
		people := make([]person, n)
		for i := range people {
			people[i] = core.person(fmt.Sprintf("%s%02d", prefix, i))
		}
		return people
	}
	for n := range companySupers {
		heads := staff(fmt.Sprintf("head%02d-", n), companyHeads)
		super := core.AddGroup(fmt.Sprintf("Department %d", n), 0, core.numbers(heads)...)
		c.supers = append(c.supers, fmt.Sprint(super.ID))
		if n == 0 {
			c.heads, c.top = heads, workgroup(super.ID)
		}
		for m := range companyChildren {
			workers := staff(fmt.Sprintf("w%02d-%02d-", n, m), companyWorkers)
			child := core.AddGroup(fmt.Sprintf("Team %d-%d", n, m), super.ID, core.numbers(workers)...)
			if n == 0 {
				c.workers, c.below = append(c.workers, workers), append(c.below, workgroup(child.ID))
			}
		}
	}
	core.SetSettings(fmt.Sprintf(`{"super_groups":"%s"}`, strings.Join(c.supers, ",")))
	return c
}

// arrive logs somebody in and waits for the rooms of workgroups.
func (c *company) arrive(b *testing.B, s *server, p person, groups ...string) *user {
	b.Helper()
	u := s.login(b, p, ws)
	for _, g := range groups {
		u.workRoom(g)
	}
	return u
}

// BenchmarkWorkRooms: 5,000 users in 220 work rooms. From the start of the program until
// it is ready, the very first time and later; from a login until the account is in its
// rooms, for the first one since the start, which opens them all, for somebody who is
// in 11 rooms and for somebody in 2; and from a message to five people by name until
// the last of them has it.
func BenchmarkWorkRooms(b *testing.B) {
	for _, kind := range []string{"sqlite", "mariadb"} {
		b.Run(kind, func(b *testing.B) {
			c := sqltest.SQLite(b)
			if kind == "mariadb" {
				c = sqltest.Server(b).Fresh(b)
			}
			core := newFriendCore(b, friendcoretest.Options{})
			company := newCompany(core)
			s := core.serve(b)
			s.useDatabase(c)
			began := time.Now()
			measured(b, s)
			first := time.Since(began)
			company.arrive(b, s, company.heads[1], company.top).close() // makes the rooms
			var starts, opens, heads, workers, messages []time.Duration
			took := func(all *[]time.Duration, began time.Time) { *all = append(*all, time.Since(began)) }
			var resident int
			for b.Loop() {
				s.stop()
				began := time.Now()
				s.start()
				took(&starts, began)
				began = time.Now()
				company.arrive(b, s, company.workers[0][23], company.below[0], company.top).close()
				took(&opens, began)
				began = time.Now()
				head := company.arrive(b, s, company.heads[0], append([]string{company.top}, company.below...)...)
				took(&heads, began)
				var viewers []*user
				for n := range 5 {
					began = time.Now()
					viewers = append(viewers, company.arrive(b, s, company.workers[n][0], company.below[n], company.top))
					took(&workers, began)
				}
				top := head.workRoom(company.top)
				for n := range 100 {
					text, targets := fmt.Sprintf("order %d", n), object{}
					for m, v := range viewers {
						targets[company.below[m]] = list{v.id}
					}
					began = time.Now()
					head.aim(top, text, targets)
					for _, v := range viewers {
						v.expect(v.inRoom(top, chat("work-msg", object{"message": text})))
					}
					took(&messages, began)
				}
				resident = max(resident, s.proc.residentKiB())
				for _, u := range append(viewers, head) {
					u.close()
				}
			}
			middle := func(all []time.Duration) float64 { slices.Sort(all); return milliseconds(all[len(all)/2]) }
			b.ReportMetric(milliseconds(first), "first-start-ms")
			b.ReportMetric(middle(starts), "start-ms")
			b.ReportMetric(middle(opens), "opening-login-ms")
			b.ReportMetric(middle(heads), "login-11-rooms-ms")
			b.ReportMetric(middle(workers), "login-2-rooms-ms")
			b.ReportMetric(middle(messages), "message-p50-ms")
			b.ReportMetric(milliseconds(messages[len(messages)*99/100]), "message-p99-ms")
			b.ReportMetric(float64(resident)/1024, "MiB")
		})
	}
}
