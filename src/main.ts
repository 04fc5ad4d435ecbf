#!/usr/bin/env -S node --max-semi-space-size=4
import { COMMANDS } from './cli/commands.ts';
import { runProgram } from './cli/program.ts';

await runProgram(process.argv.slice(2), COMMANDS);
