// SPDX-License-Identifier: Apache-2.0
// The least web server that there is: HTTP/1.0 on loopback, one answer a connection. It serves many
// repositories, each below a folder of its own, and sees request paths as they were sent.
'use strict';
const net = require('net');

const repositories = new Map();
let count = 0;

function reply(socket, request) {
    const [, path] = request.split(' ');
    const [, folder, rest] = /^\/([^/]*)\/(.*)$/.exec(path) ?? [];
    const answer = repositories.get(folder)?.answer(rest) ?? 404;
    const body = typeof answer === 'number' ? Buffer.from('no\n') : answer;
    const status = typeof answer === 'number' ? answer : 200;
    socket.write(`HTTP/1.0 ${status} Answer\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.end(body);
}

const server = net.createServer((socket) => {
    let request = '';
    socket.on('error', () => {}); // a client that goes away is no error of a test
    socket.on('data', (data) => {
        request += data.toString('latin1');
        if (request.includes('\r\n\r\n'))
            reply(socket, request);
    });
});

function listen() {
    return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

// The base address of a repository.
function serve(repository) {
    const folder = `repository-${++count}`;
    repositories.set(folder, repository);
    return `http://127.0.0.1:${server.address().port}/${folder}/`;
}

module.exports = { listen, serve, close: () => server.close() };
