// Sets the wall clock of this process back and forth by a day, every 20 ms.
const now = Date.now.bind(Date);
let offset = 0;
Date.now = () => now() + offset;
setInterval(() => {
  offset = offset === 0 ? -86_400_000 : offset < 0 ? 86_400_000 : 0;
}, 20).unref();
