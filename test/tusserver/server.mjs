// Serves tus uploads into a directory: node server.mjs DIRECTORY PORT. It prints its port when it listens.
import http from 'node:http'
import {FileStore} from '@tus/file-store'
import {Server} from '@tus/server'

const [directory, port] = process.argv.slice(2)
const tus = new Server({path: '/files', datastore: new FileStore({directory})})
const server = http.createServer(tus.handle.bind(tus))
server.listen(Number(port), '127.0.0.1', () => console.log(server.address().port))
