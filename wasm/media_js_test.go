//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A message whose file is on its way when the session ends is refused as other calls
// are, and its upload is aborted: behind a proxy that says nothing it would never end.
func TestUploadsEndWithTheirSession(t *testing.T) {
	for name, test := range map[string]struct{ leave, want string }{
		"logout":  {`await tim.logout();`, `[3005,"fail",1]`},
		"kick":    {`note('evicted', { type: 'multipleDevice' });`, `[3002,"fail",1]`},
		"destroy": {`await tim.destroy();`, `[2903,"fail",1]`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, inbox1(t, "uploads "+name, `
				const realXHR = XMLHttpRequest;
				let sent = 0, aborted = 0;
				globalThis.XMLHttpRequest = class {
					upload = {};
					open() {}
					setRequestHeader() {}
					send() { sent++; }
					abort() { aborted++; this.onloadend?.(); }
				};
				try {
					answers['media.ticket'] = () => ({ result: { ticket: 't', name: 'n' } });
					const m = tim.createFileMessage({ to: 'bob', conversationType: 'C2C', payload: { file: new Blob(['abc']) } });
					const code = tim.sendMessage(m).then(() => 0, (e) => e.code);
					await until(() => sent > 0);
					`+test.leave+`
					return [await code, m.status, aborted];
				} finally {
					globalThis.XMLHttpRequest = realXHR;
					await tim.destroy();
				}`))
		})
	}
}
