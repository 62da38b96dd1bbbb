// One WebSocket that comes back by itself. Its `hello` frame goes out first on every connection, and
// says what the page has already; the server answers with what it missed.

const SHORTEST = 400; // milliseconds before the first new try; then twice as long each time
const LONGEST = 8000;
const PATIENCE = 4000; // milliseconds in which a nudged server has to answer

export class Connection {
  #socket = null;
  #delay = SHORTEST;
  #timer = 0;
  #answered = true;
  #up = true;

  /** `hello()` makes the first frame, `receive(frame)` takes each frame, `status(up)` hears of changes. */
  constructor({ hello, receive, status }) {
    Object.assign(this, { hello, receive, status });
    addEventListener("online", () => this.nudge());
    document.addEventListener("visibilitychange", () => document.hidden || this.nudge());
    this.#open();
  }

  /** False where there is no connection at the moment. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The world may have changed (waking up, a new network): ask for a sign of life, or connect now. */
  nudge() {
    if (!this.send(this.hello())) {
      if (this.#socket?.readyState !== WebSocket.CONNECTING) this.#open();
      return;
    }
    const socket = this.#socket;
    this.#answered = false;
    setTimeout(() => {
      if (socket === this.#socket && !this.#answered) this.#lost(socket);
    }, PATIENCE);
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
    this.#socket = socket;
    socket.onopen = () => this.send(this.hello());
    socket.onclose = () => this.#lost(socket);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#answered = true;
      this.#delay = SHORTEST;
      this.#tell(true);
      this.receive(JSON.parse(data));
    };
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.close();
    this.#tell(false);
    this.#timer = setTimeout(() => this.#open(), this.#delay * (0.75 + Math.random() / 2));
    this.#delay = Math.min(this.#delay * 2, LONGEST);
  }

  #tell(up) {
    if (this.#up !== up) this.status(up);
    this.#up = up;
  }
}
