package jsonframe

import "encoding/json"

// eachMember calls f for each member of an object that is valid JSON, with its
// name as it is written, quotes included, and its value.
func eachMember(text []byte, f func(name, value []byte)) {
	for i := skip(text, 0, '{'); text[i] == '"'; i = skip(text, i, ',') {
		end := endOfValue(text, i)
		name := text[i:end]
		i = skip(text, end, ':')
		end = endOfValue(text, i)
		f(name, text[i:end])
		i = end
	}
}

// skip returns the index of the first byte from i on that is neither white
// space nor the mark.
func skip(text []byte, i int, mark byte) int {
	for text[i] == mark || text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r' {
		i++
	}
	return i
}

// endOfValue returns the index after the value that begins at i.
func endOfValue(text []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // the value before it was a number or the like
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
}

// plainName returns a member's name, given with its quotes, with escapes
// decoded.
func plainName(quoted []byte) string {
	for _, c := range quoted {
		if c == '\\' {
			var name string
			_ = json.Unmarshal(quoted, &name) // it is valid
			return name
		}
	}
	return string(quoted[1 : len(quoted)-1])
}

// isText reads a string into s and reports whether raw is one; an absent
// member counts, and leaves s empty.
func isText(raw []byte, s *string) bool {
	if absent(raw) {
		return true
	}
	if raw[0] != '"' {
		return false
	}
	*s = ""
	return json.Unmarshal(raw, s) == nil
}
