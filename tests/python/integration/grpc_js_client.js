// A client on @grpc/grpc-js: one JSON line with what its calls brought. Arguments: host:port.
'use strict';
const grpc = require('@grpc/grpc-js');

const service = '/inference.GRPCInferenceService/';
const raw = (value) => value;
const client = new grpc.Client(process.argv[2], grpc.credentials.createInsecure());

function unary(method, request, {metadata = {}, deadline, compress} = {}) {
  const headers = new grpc.Metadata();
  for (const [key, value] of Object.entries(metadata)) headers.add(key, value);
  const options = {deadline: deadline ?? Date.now() + 30000};
  const caller = compress === undefined ? client : new grpc.Client(
      process.argv[2], grpc.credentials.createInsecure(),
      {'grpc.default_compression_algorithm': compress});
  return new Promise((resolve) => {
    caller.makeUnaryRequest(method, raw, raw, request, headers, options, (error, answer) => {
      resolve(error ? {code: error.code, details: error.details} :
                      {code: 0, answer: answer.toString('hex')});
    });
  });
}

function stream(method, requests) {
  return new Promise((resolve) => {
    const answers = [];
    const call = client.makeBidiStreamRequest(method, raw, raw, new grpc.Metadata(),
                                              {deadline: Date.now() + 30000});
    call.on('data', (answer) => answers.push(answer.toString('hex')));
    call.on('error', () => {});
    call.on('status', (status) => resolve({code: status.code, answers}));
    for (const request of requests) call.write(request);
    call.end();
  });
}

async function main() {
  const empty = Buffer.alloc(0);
  const infer = Buffer.from(process.argv[3], 'hex');
  const slow = Buffer.from(process.argv[4], 'hex');
  const large = Buffer.from(process.argv[5], 'hex');
  const result = {
    live: await unary(service + 'ServerLive', empty),
    unknown: await unary(service + 'Nonsense', empty),
    metadata: await unary(service + 'ServerLive', empty,
                          {metadata: {'x-text': 'a b', 'x-bin': Buffer.from([0, 1, 255])}}),
    gzip: await unary(service + 'ModelInfer', infer, {compress: 2}),
    deflate: await unary(service + 'ModelInfer', infer, {compress: 1}),
    // Together far more than the window of 64 KiB that all share.
    large: (await Promise.all(Array.from({length: 40}, () => unary(service + 'ModelInfer', large))))
        .map(({code, answer}) => [code, answer.length / 2]),
    deadline: await unary(service + 'ModelInfer', slow, {deadline: Date.now() + 200}),
    health: await unary('/grpc.health.v1.Health/Check', empty),
    stream: await stream(service + 'ModelStreamInfer', [infer, infer, infer]),
  };
  console.log(JSON.stringify(result));
  client.close();
}

main();
