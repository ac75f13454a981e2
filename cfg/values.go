package cfg

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// field reads and shows one setting. set's errors say what is wrong and what to
// write; they repeat the value only where it cannot be a secret.
type field struct {
	set    func(value string) error
	show   func() string // a secret as "***", none as ""
	reveal func() string // a secret itself; nil: show hides nothing
	secret bool
}

// plain is the value as it stands in a file.
func (f field) plain() string {
	if f.reveal != nil {
		return f.reveal()
	}
	return f.show()
}

func itoa(n int) string { return strconv.Itoa(n) }

// quote shows a wrong value in an error text.
func quote(value string) string { return strconv.Quote(clip(value)) }

func text(p *string, check ...func(string) error) field {
	return field{
		set: func(value string) error {
			for _, c := range check {
				if err := c(value); err != nil {
					return err
				}
			}
			*p = value
			return nil
		},
		show: func() string { return *p },
	}
}

func secret(p *Secret) field {
	return field{
		set: func(value string) error {
			if len(value) > 1024 {
				return errors.New("is longer than 1024 characters")
			}
			*p = Secret(value)
			return nil
		},
		show: func() string {
			if *p == "" {
				return ""
			}
			return mask
		},
		reveal: func() string { return p.Reveal() },
		secret: true,
	}
}

func readBool(value string) (bool, error) {
	switch value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s is not a switch; write true or false", quote(value))
}

func boolean(p *bool) field {
	return field{
		set: func(value string) error {
			b, err := readBool(value)
			if err == nil {
				*p = b
			}
			return err
		},
		show: func() string { return strconv.FormatBool(*p) },
	}
}

// optionalBool is a switch that may be left open, with an empty value.
func optionalBool(p **bool) field {
	return field{
		set: func(value string) error {
			if value == "" {
				*p = nil
				return nil
			}
			b, err := readBool(value)
			if err == nil {
				*p = &b
			}
			return err
		},
		show: func() string {
			if *p == nil {
				return ""
			}
			return strconv.FormatBool(**p)
		},
	}
}

func integer(p *int, low, high int) field {
	return field{
		set: func(value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < low || n > high {
				return fmt.Errorf("%s is not a whole number from %d to %d", quote(value), low, high)
			}
			*p = n
			return nil
		},
		show: func() string { return itoa(*p) },
	}
}

func readPort(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%s is not a port; write a number from 1 to 65535", quote(value))
	}
	return n, nil
}

func port(p *int) field {
	return field{
		set: func(value string) error {
			n, err := readPort(value)
			if err == nil {
				*p = n
			}
			return err
		},
		show: func() string { return itoa(*p) },
	}
}

func portRange(p *PortRange) field {
	return field{
		set: func(value string) error {
			low, high, found := strings.Cut(value, "-")
			first, errFirst := readPort(strings.TrimSpace(low))
			last, errLast := readPort(strings.TrimSpace(high))
			if !found || errFirst != nil || errLast != nil || first > last {
				return fmt.Errorf("%s is not a range of ports; write first-last, such as 49160-49999", quote(value))
			}
			*p = PortRange{first, last}
			return nil
		},
		show: func() string { return p.String() },
	}
}

// String is "first-last".
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

var durationForm = regexp.MustCompile(`^(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$`)

func duration(p *time.Duration, low, high time.Duration) field {
	return field{
		set: func(value string) error {
			if value == "" || !durationForm.MatchString(value) {
				return fmt.Errorf("%s is not a time; write a number with s, m or h, such as 90s, 10m or 1h30m", quote(value))
			}
			d, err := time.ParseDuration(value)
			if err != nil || d < low || d > high {
				return fmt.Errorf("%s is outside of %s to %s", quote(value), showDuration(low), showDuration(high))
			}
			*p = d
			return nil
		},
		show: func() string { return showDuration(*p) },
	}
}

// showDuration writes a time without the zeros of time.Duration: 8h, not 8h0m0s.
func showDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

const (
	kib Bytes = 1 << 10
	mib Bytes = 1 << 20
)

var sizeForm = regexp.MustCompile(`^(\d{1,9})(KiB|MiB)$`)

func size(p *Bytes, low, high Bytes) field {
	return field{
		set: func(value string) error {
			m := sizeForm.FindStringSubmatch(value)
			if m == nil {
				return fmt.Errorf("%s is not a size; write a number with KiB or MiB, such as 512KiB", quote(value))
			}
			n, err := strconv.ParseInt(m[1], 10, 64)
			b := Bytes(n) * kib
			if m[2] == "MiB" {
				b = Bytes(n) * mib
			}
			if err != nil || b < low || b > high {
				return fmt.Errorf("%s is outside of %v to %v", quote(value), low, high)
			}
			*p = b
			return nil
		},
		show: func() string { return p.String() },
	}
}

// String is the size with the largest unit that divides it.
func (b Bytes) String() string {
	switch {
	case b != 0 && b%mib == 0:
		return fmt.Sprintf("%dMiB", int64(b/mib))
	case b != 0 && b%kib == 0:
		return fmt.Sprintf("%dKiB", int64(b/kib))
	}
	return strconv.FormatInt(int64(b), 10)
}

func level(p *slog.Level) field {
	return field{
		set: func(value string) error {
			if err := oneOf("debug", "info", "warn", "error")(value); err != nil {
				return err
			}
			return p.UnmarshalText([]byte(value))
		},
		show: func() string { return strings.ToLower(p.String()) },
	}
}

// splitList cuts a list at its commas. An empty value is an empty list.
func splitList(value string) ([]string, error) {
	if value == "" {
		return nil, nil
	}
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
		if items[i] == "" {
			return nil, errors.New("the list has an empty entry; write one comma between two entries")
		}
	}
	if len(items) > 1000 {
		return nil, errors.New("the list has more than 1000 entries")
	}
	return items, nil
}

func list(p *[]string, check func(item string) error) field {
	return field{
		set: func(value string) error {
			items, err := splitList(value)
			if err != nil {
				return err
			}
			for i, item := range items {
				if err := check(item); err != nil {
					return fmt.Errorf("entry %d: %w", i+1, err)
				}
			}
			*p = items
			return nil
		},
		show: func() string { return strings.Join(*p, ", ") },
	}
}

func prefixes(p *[]netip.Prefix) field {
	return field{
		set: func(value string) error {
			items, err := splitList(value)
			if err != nil {
				return err
			}
			var read []netip.Prefix
			for _, item := range items {
				prefix, err := readPrefix(item)
				if err != nil {
					return err
				}
				read = append(read, prefix)
			}
			*p = read
			return nil
		},
		show: func() string {
			shown := make([]string, len(*p))
			for i, prefix := range *p {
				shown[i] = prefix.String()
			}
			return strings.Join(shown, ", ")
		},
	}
}

func readPrefix(item string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(item); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(item)
	if err != nil {
		return prefix, fmt.Errorf("%s is not a network; write an address and the length of its prefix, such as 10.0.0.0/8", quote(item))
	}
	if prefix != prefix.Masked() {
		return prefix, fmt.Errorf("%s is an address in a network; the network is %v", quote(item), prefix.Masked())
	}
	return prefix, nil
}

// optionalAddr is an IP address or nothing.
func optionalAddr(p *netip.Addr) field {
	return field{
		set: func(value string) error {
			if value == "" {
				*p = netip.Addr{}
				return nil
			}
			addr, err := netip.ParseAddr(value)
			if err != nil || addr.Zone() != "" || addr.IsUnspecified() {
				return fmt.Errorf("%s is not an IP address that others can reach", quote(value))
			}
			*p = addr
			return nil
		},
		show: func() string {
			if !p.IsValid() {
				return ""
			}
			return p.String()
		},
	}
}
