#!/usr/bin/env node
import { runPlugin } from './plugin/program.ts';

await runPlugin(process.argv.slice(2), process.argv[1] ?? '');
