package mailbox

// A cursor is 2.<settings>.<position>…: up to where an instance knows its user's
// settings, and up to where each log. A frame names what it brings and has 0 for
// the rest, so that the same frame can go to every instance.

// merged is where an instance stands that stood at one cursor and was given
// another. One of another form or length replaces it: it is of a gateway that
// says everything in each.
func merged(stood, came string) string {
	if !mergeable(stood) || !mergeable(came) || dots(stood) != dots(came) {
		return came
	}
	out := ""
	for stood != "" {
		var a, b string
		a, stood = cut(stood)
		b, came = cut(came)
		if out != "" {
			out += "."
		}
		out += larger(a, b)
	}
	return out
}

// mergeable tells the second form from the first, <position>.<settings>.
func mergeable(cursor string) bool { return len(cursor) > 2 && cursor[:2] == "2." && dots(cursor) > 1 }

func dots(s string) (n int) {
	for _, c := range s {
		if c == '.' {
			n++
		}
	}
	return n
}

// cut returns what stands before the first dot, and behind it.
func cut(s string) (first, rest string) {
	for i, c := range s {
		if c == '.' {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// larger returns the larger of two numbers without leading zeros.
func larger(a, b string) string {
	if len(a) > len(b) || len(a) == len(b) && a > b {
		return a
	}
	return b
}
