// A page in plain JavaScript, checked: what an editor shows there.
const TIM = require('tim-wasm');

const tim = TIM.create({ SDKAppID: 1400000000 });
tim.on(TIM.EVENT.KICKED_OUT, (e) => console.log(e.data.type.length));
// @ts-expect-error no such method
tim.logOut();
module.exports = { tim, again: TIM.default.create, load: TIM.load };
