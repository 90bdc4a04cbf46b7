package mailbox

// A cursor is 2.<settings>.<position>…: up to where an instance knows its user's
// settings, and up to where each log. A frame has the numbers that it advances
// and 0 for the rest, so that the same frame can go to every instance.

// merged returns the cursor of an instance that was at one cursor and has been
// given another: of each number the larger one. A cursor of another form or
// length replaces the old one, since it comes from a gateway that puts
// everything into each cursor.
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

// mergeable reports whether a cursor has this form, not <position>.<settings>, the
// first one.
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
