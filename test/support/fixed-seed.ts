import fc from "fast-check";

// Properties try the same cases in every run, so that a run says something about the change and not about luck.
// `FAST_CHECK_SEED=$RANDOM npx vitest run --project unit` looks for new ones. `sequence-seed.ts` is for those who look for new ones with each commit.
fc.configureGlobal({ seed: Number(process.env["FAST_CHECK_SEED"] ?? 20_261_121) });
