// Drives a Troupe cluster with Google's own Vertex AI client, unmodified, and checks what comes back.
//
//   node client.js --endpoint HOST:PORT --token-file FILE [--project P] [--location L]
//                  [--timeout SECONDS] [--trial-command SH] -- COMMAND [ARG...]
//
// COMMAND is what the custom job runs; it must succeed. The tuning job runs --trial-command, a line for
// /bin/sh that must report the metric "accuracy" and gets the parameters as arguments; by default it writes a
// metric file as cloudml-hypertune does. One line per check; the exit status is 0 only if all of them hold.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const {parseArgs} = require('node:util');
const aiplatform = require('@google-cloud/aiplatform');
const {OAuth2Client} = require('google-auth-library');

const {v1, protos} = aiplatform;
const {JobState} = protos.google.cloud.aiplatform.v1;
const TrialState = protos.google.cloud.aiplatform.v1.Trial.State;
const status = {CANCELLED: 1, INVALID_ARGUMENT: 3, NOT_FOUND: 5, UNAUTHENTICATED: 16};

const defaultTrial = [
  'dir="${CLOUD_ML_HP_METRIC_FILE%/*}"; mkdir -p "$dir"',
  'printf \'{"timestamp": %s.5, "trial": "%s", "accuracy": "0.75", "global_step": "3"}\\n\'' +
    ' "$(date +%s)" "$CLOUD_ML_TRIAL_ID" >> "$CLOUD_ML_HP_METRIC_FILE"',
].join('; ');

const {values: options, positionals: command} = parseArgs({
  allowPositionals: true,
  options: {
    endpoint: {type: 'string'},
    'token-file': {type: 'string'},
    project: {type: 'string', default: 'local'},
    location: {type: 'string', default: 'local'},
    timeout: {type: 'string', default: '60'},
    'trial-command': {type: 'string', default: defaultTrial},
  },
});

if (!options.endpoint || !options['token-file'] || command.length === 0) {
  console.error(
    'usage: node client.js --endpoint HOST:PORT --token-file FILE [--project P] [--location L]' +
      ' [--timeout SECONDS] [--trial-command SH] -- COMMAND [ARG...]'
  );
  process.exit(2);
}

const parent = `projects/${options.project}/locations/${options.location}`;
const [host, port] = options.endpoint.split(':');
const token = fs.readFileSync(options['token-file'], 'utf8').trim();

function clientWith(accessToken) {
  const authClient = new OAuth2Client();
  authClient.setCredentials({access_token: accessToken});
  return new v1.JobServiceClient({
    fallback: true,
    protocol: 'http',
    apiEndpoint: host,
    port: Number(port),
    projectId: options.project,
    authClient,
  });
}

const jobs = clientWith(token);

async function check(what, body) {
  try {
    await body();
    console.log(`ok: ${what}`);
  } catch (problem) {
    console.error(`FAILED: ${what}\n${problem.stack}`);
    process.exit(1);
  }
}

const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function until(what, look) {
  const deadline = Date.now() + Number(options.timeout) * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${options.timeout} s: ${what}`);
    await sleep(100);
  }
}

function stateName(state) {
  return typeof state === 'number' ? JobState[state] : state;
}

function poolsOf(program) {
  return [
    {
      machineSpec: {machineType: 'n1-standard-4'},
      replicaCount: 1,
      containerSpec: {imageUri: 'host', command: program.slice(0, 1), args: program.slice(1)},
    },
  ];
}

function jobOf(displayName, program, labels = {}) {
  return {
    displayName,
    labels,
    jobSpec: {workerPoolSpecs: poolsOf(program), scheduling: {timeout: {seconds: 3600}}},
  };
}

async function create(customJob) {
  const [job] = await jobs.createCustomJob({parent, customJob});
  return job;
}

async function get(name) {
  const [job] = await jobs.getCustomJob({name});
  return job;
}

async function jobIn(name, ...states) {
  return until(`${name} in ${states}`, async () => {
    const job = await get(name);
    const state = stateName(job.state);
    if (states.includes(state)) return job;
    const over = ['JOB_STATE_SUCCEEDED', 'JOB_STATE_FAILED', 'JOB_STATE_CANCELLED'].includes(state);
    if (over) throw new Error(`${name} is ${state}: ${JSON.stringify(job.error)}`);
    return null;
  });
}

// The client hands on the HTTP status where its transport throws before it decodes google.rpc.Status.
const httpStatus = {3: 400, 5: 404, 9: 400, 16: 401};

async function fails(code, call) {
  await assert.rejects(call, problem => {
    assert.ok([code, httpStatus[code]].includes(Number(problem.code)), `code ${problem.code} (${problem.message})`);
    assert.ok(problem.message.length > 10, `message: ${problem.message}`);
    return true;
  });
}

async function names(filter) {
  const [found] = await jobs.listCustomJobs({parent, filter});
  return found.map(job => job.displayName);
}

async function main() {
  // Names of an earlier run on the same cluster do not disturb.
  const run = `run${Date.now()}`;
  const labels = {suite: run};
  let first;

  await check('create a custom job', async () => {
    first = await create(jobOf(`${run}-first`, command, labels));
    assert.match(first.name, new RegExp(`^${parent}/customJobs/[0-9]{19}$`));
    assert.equal(first.displayName, `${run}-first`);
    assert.equal(first.labels.suite, run);
    assert.ok(Number(first.createTime.seconds) > 1.7e9, JSON.stringify(first.createTime));
    assert.ok(['JOB_STATE_QUEUED', 'JOB_STATE_PENDING', 'JOB_STATE_RUNNING'].includes(stateName(first.state)));
  });

  await check('it runs and succeeds', async () => {
    const done = await jobIn(first.name, 'JOB_STATE_SUCCEEDED');
    const pool = done.jobSpec.workerPoolSpecs[0];
    assert.equal(Number(pool.replicaCount), 1);
    assert.equal(pool.machineSpec.machineType, 'n1-standard-4');
    assert.deepEqual(pool.containerSpec.command, command.slice(0, 1));
    assert.deepEqual(pool.containerSpec.args, command.slice(1));
    assert.equal(Number(done.jobSpec.scheduling.timeout.seconds), 3600);
    assert.ok(Number(done.endTime.seconds) >= Number(done.startTime.seconds));
    assert.equal(done.error, null);
  });

  await check('list with filters', async () => {
    await create(jobOf(`${run}-second`, command, labels));
    await create(jobOf(`${run}-third`, command, labels));
    const mine = `labels.suite=${run}`;
    assert.deepEqual(await names(mine), [`${run}-third`, `${run}-second`, `${run}-first`]);
    assert.deepEqual(await names(`${mine} AND display_name:"*-second"`), [`${run}-second`]);
    assert.deepEqual(await names(`${mine} AND NOT display_name="${run}-second"`), [`${run}-third`, `${run}-first`]);
    assert.ok((await names(`${mine} AND state="JOB_STATE_SUCCEEDED"`)).includes(`${run}-first`));
    assert.deepEqual(await names(`${mine} AND create_time<"2001-01-01T00:00:00Z"`), []);
  });

  await check('list page by page', async () => {
    const filter = `labels.suite=${run}`;
    const pages = [];
    let pageToken = '';
    do {
      const [page, , reply] = await jobs.listCustomJobs({parent, filter, pageSize: 2, pageToken}, {autoPaginate: false});
      pages.push(page.map(job => job.displayName));
      pageToken = reply.nextPageToken;
    } while (pageToken);
    assert.deepEqual(pages.flat(), [`${run}-third`, `${run}-second`, `${run}-first`]);
    assert.equal(pages[0].length, 2);
    const streamed = [];
    for await (const job of jobs.listCustomJobsAsync({parent, filter, pageSize: 1})) streamed.push(job.displayName);
    assert.deepEqual(streamed, pages.flat());
  });

  await check('cancel a running job', async () => {
    const long = await create(jobOf(`${run}-sleep`, ['sleep', '600'], labels));
    await jobIn(long.name, 'JOB_STATE_RUNNING');
    await jobs.cancelCustomJob({name: long.name});
    const cancelled = await jobIn(long.name, 'JOB_STATE_CANCELLED');
    assert.equal(cancelled.error.code, status.CANCELLED);
  });

  await check('delete a job and wait for the operation', async () => {
    const [operation] = await jobs.deleteCustomJob({name: first.name});
    assert.match(operation.name, new RegExp(`^${parent}/operations/[0-9]+$`));
    const [response] = await operation.promise();
    assert.deepEqual({...response}, {});
    await fails(status.NOT_FOUND, () => get(first.name));
    const again = await jobs.checkDeleteCustomJobProgress(operation.name);
    assert.equal(again.done, true);
  });

  await check('a hyperparameter tuning job of 2 trials', async () => {
    const [made] = await jobs.createHyperparameterTuningJob({
      parent,
      hyperparameterTuningJob: {
        displayName: `${run}-tune`,
        maxTrialCount: 2,
        parallelTrialCount: 2,
        studySpec: {
          metrics: [{metricId: 'accuracy', goal: 'MAXIMIZE'}],
          parameters: [
            {parameterId: 'lr', doubleValueSpec: {minValue: 0.1, maxValue: 1}, scaleType: 'UNIT_LOG_SCALE'},
          ],
          algorithm: 'RANDOM_SEARCH',
        },
        trialJobSpec: {workerPoolSpecs: poolsOf(['/bin/sh', '-c', options['trial-command'], 'trial'])},
      },
    });
    assert.match(made.name, new RegExp(`^${parent}/hyperparameterTuningJobs/[0-9]{19}$`));
    const done = await until(`${made.name} ends`, async () => {
      const [job] = await jobs.getHyperparameterTuningJob({name: made.name});
      const state = stateName(job.state);
      if (['JOB_STATE_FAILED', 'JOB_STATE_CANCELLED'].includes(state))
        throw new Error(`it is ${state}: ${JSON.stringify(job.error)}`);
      return state === 'JOB_STATE_SUCCEEDED' ? job : null;
    });
    assert.deepEqual(done.trials.map(trial => trial.id).sort(), ['1', '2']);
    for (const trial of done.trials) {
      const state = typeof trial.state === 'number' ? TrialState[trial.state] : trial.state;
      assert.equal(state, 'SUCCEEDED', `trial ${trial.id}: ${trial.infeasibleReason}`);
      assert.equal(trial.parameters[0].parameterId, 'lr');
      const lr = trial.parameters[0].value.numberValue;
      assert.ok(lr >= 0.1 && lr <= 1, `lr ${lr}`);
      assert.equal(Number(trial.finalMeasurement.stepCount), 3);
      assert.equal(trial.finalMeasurement.metrics[0].metricId, 'accuracy');
      assert.ok(trial.finalMeasurement.metrics[0].value > 0);
    }
    const [listed] = await jobs.listHyperparameterTuningJobs({parent, filter: `display_name="${run}-tune"`});
    assert.deepEqual(listed.map(job => job.name), [made.name]);
    const [operation] = await jobs.deleteHyperparameterTuningJob({name: made.name});
    await operation.promise();
    await fails(status.NOT_FOUND, () => jobs.getHyperparameterTuningJob({name: made.name}));
  });

  await check('requests that cannot be are refused with the right code', async () => {
    const gone = `${parent}/customJobs/1`;
    await fails(status.NOT_FOUND, () => get(gone));
    await fails(status.NOT_FOUND, () => jobs.cancelCustomJob({name: gone}));
    await fails(status.NOT_FOUND, () => jobs.deleteCustomJob({name: gone}));
    await fails(status.INVALID_ARGUMENT, () => create(jobOf('', command)));
    await fails(status.INVALID_ARGUMENT, () => names('colour=red'));
    await fails(status.INVALID_ARGUMENT, () => names('state='));
    await fails(status.INVALID_ARGUMENT, () =>
      jobs.listCustomJobs({parent, pageToken: 'made-up'}, {autoPaginate: false})
    );
    await fails(status.INVALID_ARGUMENT, () => jobs.listCustomJobs({parent, pageSize: -1}, {autoPaginate: false}));
    await fails(status.INVALID_ARGUMENT, () =>
      jobs.createHyperparameterTuningJob({parent, hyperparameterTuningJob: {displayName: 'x'}})
    );
  });

  await check('a wrong token is refused', async () => {
    const stranger = clientWith('wrong');
    await fails(status.UNAUTHENTICATED, () => stranger.listCustomJobs({parent}, {autoPaginate: false}));
    await stranger.close();
  });

  await jobs.close();
}

main().catch(problem => {
  console.error(`FAILED: ${problem.stack}`);
  process.exit(1);
});
