import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { TestNamespace } from './namespace.js';

/** Answers each line by TCP (8080) and each datagram by UDP (5300) with its name and who asked. */
const server = `
import socketserver, sys, threading, socket
name = sys.argv[1]
def said(address): return (name + ' ' + address[0].removeprefix('::ffff:') + '\\n').encode()
class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        for _ in self.rfile: self.wfile.write(said(self.client_address))
class Udp(socketserver.BaseRequestHandler):
    def handle(self): self.request[1].sendto(said(self.client_address), self.client_address)
def serve(kind, handler, port):
    class Server(kind):
        address_family = socket.AF_INET6
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 128
    made = Server(('::', port), handler)
    threading.Thread(target=made.serve_forever).start()
serve(socketserver.ThreadingTCPServer, Tcp, 8080)
serve(socketserver.ThreadingUDPServer, Udp, 5300)
print('ready', flush=True)
`;

/** Reads orders, a line each, and says what came of them, a line each. */
const client = `
import socket, sys
held = None
def connect(kind, host, port, source):
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM if kind == 'udp' else socket.SOCK_STREAM)
    s.settimeout(1)
    if source: s.bind((source, 0))
    s.connect((host, int(port)))
    return s
def ask(s):
    s.send(b'?\\n')
    answer = s.recv(200)
    return answer.decode().strip() if answer else 'closed'
for line in sys.stdin:
    verb, *words = line.split()
    try:
        if verb == 'open':
            held = connect(words[0], words[1], words[2], None)
            print(ask(held), flush=True)
        elif verb == 'again': print(ask(held), flush=True)
        else:
            s = connect(words[0], words[1], words[2], words[3] if len(words) > 3 else None)
            print(ask(s), flush=True)
            s.close()
    except OSError as error: print(type(error).__name__, flush=True)
`;

/** A process in a namespace that is told what to do and answers, line by line. */
export class Talker {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;

  private constructor(namespace: TestNamespace, argv: readonly string[]) {
    this.child = spawn('ip', ['netns', 'exec', namespace.name, ...argv], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.reader = createInterface({ input: this.child.stdout! });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** Resolves when it listens. */
  static async serve(namespace: TestNamespace, name: string): Promise<Talker> {
    const talker = new Talker(namespace, ['python3', '-c', server, name]);
    await talker.next();
    return talker;
  }

  static client(namespace: TestNamespace): Talker {
    return new Talker(namespace, ['python3', '-c', client]);
  }

  /** `ask tcp ADDRESS PORT [SOURCE]`, `open tcp ADDRESS PORT`, `again`: the answer or the error. */
  async tell(order: string): Promise<string> {
    this.child.stdin!.write(`${order}\n`);
    return this.next();
  }

  async end(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await exited;
    this.reader.close();
  }

  private async next(): Promise<string> {
    const next = await this.lines.next();
    if (next.done === true) throw new Error('it ended');
    return next.value;
  }
}
