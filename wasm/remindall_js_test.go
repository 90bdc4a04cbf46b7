//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Quiet hours begin at a time of this day where the page is. The gateway tells of a
// change, and what it says is what a listener gets.
func TestQuietHours(t *testing.T) {
	require.JSONEq(t, `[["AcceptNotNotify",true,28800,true,{}],["Discard",true,172800,false],["AcceptNotNotify",true,0,true],86400,
		["Discard",7,9,false],{"messageRemindType":"Discard","startTime":7,"endTime":9,"isRepeated":false},[2905,2905,2905]]`, inbox1(t, "quiet", `
		const at = (...time) => new Date().setHours(...time, 0) / 1000, sent = () => frames('remindAll.set').at(-1);
		answers['remindAll.set'] = () => ({ result: {} });
		const told = (start) => [sent().messageRemindType, sent().startTime === start(), sent().endTime - sent().startTime, sent().isRepeated];
		const set = async (o, ...time) => { // again if that was at midnight
			for (let day; day !== at(0, 0, 0); ) { day = at(0, 0, 0); var { data } = await tim.setAllReceiveMessageOpt(o); }
			return [...told(() => at(...time)), data];
		};
		const result = [await set({ startHour: 22, startMinute: 30, startSecond: 5, duration: 28800 }, 22, 30, 5)];
		result.push((await set({ messageRemindType: 'Discard', duration: 172800, isRepeated: false }, 0, 0, 0)).slice(0, 4), (await set(undefined, 0, 0, 0)).slice(0, 4));
		await set({ duration: 172800 }, 0, 0, 0); // a day at most, if it is every day
		result.push(sent().endTime - sent().startTime);
		const option = { messageRemindType: 'Discard', startTime: 7, endTime: 9, isRepeated: false };
		answers['remindAll.get'] = () => ({ result: { option } });
		result.push(Object.values((await tim.getAllReceiveMessageOpt()).data));
		note('remindAll', { option });
		result.push(of('ALL_RECEIVE_MESSAGE_OPT_UPDATED')[0]);
		const refused = (o) => tim.setAllReceiveMessageOpt(o).then(() => 0, (e) => e.code);
		result.push([await refused({ startHour: 24 }), await refused({ startMinute: -1 }), await refused({ duration: -1 })]);
		await tim.destroy();
		return result;`))
}
