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
const StudyState = protos.google.cloud.aiplatform.v1.Study.State;
const status = {CANCELLED: 1, INVALID_ARGUMENT: 3, NOT_FOUND: 5, FAILED_PRECONDITION: 9, UNAUTHENTICATED: 16};

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

function clientWith(accessToken, Service = v1.JobServiceClient) {
  const authClient = new OAuth2Client();
  authClient.setCredentials({access_token: accessToken});
  return new Service({
    fallback: true,
    protocol: 'http',
    apiEndpoint: host,
    port: Number(port),
    projectId: options.project,
    authClient,
  });
}

const jobs = clientWith(token);
const vizier = clientWith(token, v1.VizierServiceClient);

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

  let study;

  await check('create a Vizier study, look it up, list it', async () => {
    const [made] = await vizier.createStudy({
      parent,
      study: {
        displayName: `${run}-study`,
        studySpec: {
          metrics: [{metricId: 'loss', goal: 'MINIMIZE'}],
          parameters: [
            {parameterId: 'lr', doubleValueSpec: {minValue: 0.001, maxValue: 1}, scaleType: 'UNIT_LOG_SCALE'},
            {
              parameterId: 'optimizer',
              categoricalValueSpec: {values: ['sgd', 'adam']},
              conditionalParameterSpecs: [
                {
                  parentCategoricalValues: {values: ['sgd']},
                  parameterSpec: {parameterId: 'momentum', doubleValueSpec: {minValue: 0, maxValue: 0.99}},
                },
              ],
            },
          ],
        },
      },
    });
    study = made;
    assert.match(study.name, new RegExp(`^${parent}/studies/[0-9]{19}$`));
    assert.ok(['ACTIVE', StudyState.ACTIVE].includes(study.state), `state ${study.state}`);
    assert.ok(Number(study.createTime.seconds) > 1.7e9);
    const [found] = await vizier.lookupStudy({parent, displayName: `${run}-study`});
    assert.equal(found.name, study.name);
    const [got] = await vizier.getStudy({name: study.name});
    assert.equal(got.studySpec.parameters[1].conditionalParameterSpecs[0].parameterSpec.parameterId, 'momentum');
    const [listed] = await vizier.listStudies({parent});
    assert.ok(listed.some(each => each.name === study.name));
  });

  await check('suggest, measure, check, complete: three trials of a study', async () => {
    for (let number = 1; number <= 3; ++number) {
      const [operation] = await vizier.suggestTrials({parent: study.name, suggestionCount: 1, clientId: 'node'});
      const [answer] = await operation.promise();
      const trial = answer.trials[0];
      assert.equal(trial.name, `${study.name}/trials/${number}`);
      assert.equal(trial.clientId, 'node');
      const values = Object.fromEntries(
        trial.parameters.map(each => [each.parameterId, each.value[each.value.kind]])
      );
      assert.ok(values.lr >= 0.001 && values.lr <= 1, `lr ${values.lr}`);
      assert.equal('momentum' in values, values.optimizer === 'sgd', JSON.stringify(values));
      const [measured] = await vizier.addTrialMeasurement({
        trialName: trial.name,
        measurement: {stepCount: 1, metrics: [{metricId: 'loss', value: 2 / number}]},
      });
      assert.equal(Number(measured.measurements[0].stepCount), 1);
      const [checking] = await vizier.checkTrialEarlyStoppingState({trialName: trial.name});
      const [verdict] = await checking.promise();
      assert.equal(verdict.shouldStop, false);
      const [ended] = await vizier.completeTrial({
        name: trial.name,
        finalMeasurement: {stepCount: 2, metrics: [{metricId: 'loss', value: 1 / number}]},
      });
      assert.ok(['SUCCEEDED', TrialState.SUCCEEDED].includes(ended.state), `state ${ended.state}`);
    }
  });

  await check('list trials and optimal trials, bring one, stop one, delete one', async () => {
    const [trials] = await vizier.listTrials({parent: study.name, pageSize: 2});
    assert.deepEqual(trials.map(trial => trial.id), ['1', '2', '3']);
    const [optimal] = await vizier.listOptimalTrials({parent: study.name});
    assert.deepEqual(optimal.optimalTrials.map(trial => trial.id), ['3']);
    const [own] = await vizier.createTrial({
      parent: study.name,
      trial: {
        parameters: [
          {parameterId: 'lr', value: {numberValue: 0.5}},
          {parameterId: 'optimizer', value: {stringValue: 'adam'}},
        ],
      },
    });
    assert.ok(['REQUESTED', TrialState.REQUESTED].includes(own.state), `state ${own.state}`);
    const [operation] = await vizier.suggestTrials({parent: study.name, suggestionCount: 1, clientId: 'node'});
    const [answer] = await operation.promise();
    assert.equal(answer.trials[0].name, own.name);
    const [stopped] = await vizier.stopTrial({name: own.name});
    assert.ok(['STOPPING', TrialState.STOPPING].includes(stopped.state), `state ${stopped.state}`);
    await vizier.completeTrial({name: own.name, trialInfeasible: true, infeasibleReason: 'as an example'});
    await vizier.deleteTrial({name: own.name});
    await fails(status.NOT_FOUND, () => vizier.getTrial({name: own.name}));
  });

  await check('studies and trials that cannot be are refused, and a study is deleted', async () => {
    await fails(status.INVALID_ARGUMENT, () => vizier.createStudy({parent, study: {displayName: 'x'}}));
    await fails(status.NOT_FOUND, () => vizier.getTrial({name: `${study.name}/trials/99`}));
    await fails(status.FAILED_PRECONDITION, () =>
      vizier.completeTrial({name: `${study.name}/trials/1`, trialInfeasible: true})
    );
    await vizier.deleteStudy({name: study.name});
    await fails(status.NOT_FOUND, () => vizier.getStudy({name: study.name}));
    await fails(status.NOT_FOUND, () => vizier.lookupStudy({parent, displayName: `${run}-study`}));
    await vizier.close();
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
