import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import path from 'node:path';
import protobuf from 'protobufjs';

/** One op of a compiled program while it was traced. */
export interface TracedOp {
  readonly name: string;
  /** time of all threads together */
  readonly milliseconds: number;
}

/** the parts of TensorFlow's profiler messages that are used here */
const messages = protobuf.parse(`
  syntax = "proto3";
  message ProfileRequest { uint64 duration_ms = 1; ProfileOptions opts = 4; string repository_root = 5; string session_id = 6; string host_name = 7; }
  message ProfileOptions { uint32 host_tracer_level = 2; uint32 device_tracer_level = 3; uint32 version = 5; uint32 device_type = 6; uint64 duration_ms = 9; TraceOptions trace_options = 11; }
  message TraceOptions { uint64 host_traceme_filter_mask = 1; }
  message XSpace { repeated XPlane planes = 1; }
  message XPlane { string name = 2; repeated XLine lines = 3; repeated NameEntry event_metadata = 4; }
  message XLine { string name = 2; repeated XEvent events = 4; }
  message XEvent { int64 metadata_id = 1; int64 duration_ps = 3; }
  message NameEntry { int64 key = 1; Name value = 2; }
  message Name { string name = 2; }
`).root;

const ALL_KINDS = '18446744073709551615';
const SESSION = 'session';
const HOST = 'host';

/** Asks the profiler server of a process to trace it for a while. @param folder where the server writes @returns the trace's file */
export async function requestTrace({ port, folder, milliseconds }: { readonly port: number; readonly folder: string; readonly milliseconds: number }): Promise<string> {
  const type = messages.lookupType('ProfileRequest');
  const options = { version: 1, deviceType: 1, hostTracerLevel: 2, deviceTracerLevel: 1, durationMs: milliseconds, traceOptions: { hostTracemeFilterMask: ALL_KINDS } };
  const body = type.encode(type.fromObject({ durationMs: milliseconds, opts: options, repositoryRoot: folder, sessionId: SESSION, hostName: HOST })).finish();
  // gRPC by hand, one call: a byte "not compressed", the length, the message
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    await new Promise<void>((resolve, reject) => {
      session.on('error', reject);
      const call = session.request({ ':method': 'POST', ':path': '/tensorflow.ProfilerService/Profile', 'content-type': 'application/grpc', te: 'trailers' });
      call.on('error', reject);
      call.on('trailers', (trailers) => {
        if (trailers['grpc-status'] !== '0') reject(new Error(`the profiler refuses: ${String(trailers['grpc-message'])}`));
      });
      call.on('end', resolve);
      call.resume();
      call.end(Buffer.concat([head, body]));
    });
  } finally {
    session.close();
  }
  return path.join(folder, SESSION, `${HOST}.xplane.pb`);
}

interface XSpace {
  readonly planes: readonly {
    readonly lines: readonly { readonly events: readonly { readonly metadataId: unknown; readonly durationPs: unknown }[] }[];
    readonly eventMetadata: readonly { readonly key: unknown; readonly value: { readonly name: string } }[];
  }[];
}

/** Times by name, over all threads, and how many programs were executed meanwhile. */
export function readTrace(file: string): { readonly ops: readonly TracedOp[]; readonly executions: number } {
  const space = messages.lookupType('XSpace').decode(readFileSync(file)) as unknown as XSpace; // as the messages above say
  const sums = new Map<string, number>();
  let executions = 0;
  for (const { lines, eventMetadata } of space.planes) {
    const names = new Map(eventMetadata.map(({ key, value }) => [String(key), value.name]));
    for (const { metadataId, durationPs } of lines.flatMap(({ events }) => events)) {
      const name = names.get(String(metadataId)) ?? '';
      if (name.startsWith('CpuExecutable::Execute')) executions += 1;
      sums.set(name, (sums.get(name) ?? 0) + Number(durationPs) / 1e9);
    }
  }
  return { ops: [...sums].map(([name, milliseconds]) => ({ name, milliseconds })), executions };
}
