#!/usr/bin/env -S node --max-semi-space-size=4
import { COMMANDS, runProgram } from './cli/program.ts';

await runProgram(process.argv.slice(2), COMMANDS);
