package client

// onThisMachine reports whether a WebSocket URL names this machine by a name
// or address that never means another one. It does without package strings,
// which wasm does not need otherwise.
func onThisMachine(url string) bool {
	host := hostOf(url)
	return host == "[::1]" || host == "localhost" || ends(host, ".localhost") || isLoopback4(host)
}

// hostOf returns the host of a URL in lower case, without its port.
func hostOf(url string) string {
	const mark = "://"
	var host []byte
	for i := 0; i+len(mark) <= len(url); i++ {
		if url[i:i+len(mark)] == mark {
			host = []byte(url[i+len(mark):])
			break
		}
	}
	for i, c := range host {
		switch {
		case c == '/' || c == '?' || c == '#', c == ':' && host[0] != '[':
			host = host[:i]
		case c == ']':
			host = host[:i+1]
		case c >= 'A' && c <= 'Z':
			host[i] += 'a' - 'A'
			continue
		default:
			continue
		}
		break
	}
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	return string(host)
}

func isLoopback4(host string) bool {
	const net = "127."
	if len(host) <= len(net) || host[:len(net)] != net {
		return false
	}
	for _, c := range []byte(host) {
		if c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func ends(s, with string) bool { return len(s) > len(with) && s[len(s)-len(with):] == with }
