console.error('FROZEN 21:22: main takes nothing more in this session and the machine is needed quiet. Commit what you have on your branch (WIP: in the subject if it is not whole), run nothing more, and send your report with the state of the branch.');
process.exit(3);
