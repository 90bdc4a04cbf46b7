// What the chat kits import of the vendor's kits of calls and rooms, and of its
// engine of rooms, and never use on pages without those.
export const RoomMessageCard = {};
export const TUIErrorCode = {};
export default {};
