"""A client of Vizier's REST API in plain Python: all that your program needs to be tuned, without packages to install.

    client = Client("http://127.0.0.1:8080", token)
    study = Study.open(client, "curve", spec)          # creates it, or finds it again by its name
    for trial in study.suggest("laptop"):              # the same client id gets its unfinished trials back
        value = evaluate(parameters_of(trial))
        study.complete(trial, {"loss": value})
    print(study.optimal())
"""

import json
import urllib.error
import urllib.request


class ApiError(Exception):
    """An error answer: the HTTP status, the code's name as NOT_FOUND, and the server's message."""

    def __init__(self, http, code, message):
        super().__init__(f"{code} (HTTP {http}): {message}")
        self.http = http
        self.code = code


class Client:
    """One project and location of a Troupe cluster."""

    def __init__(self, endpoint, token, project="local", location="local"):
        self.endpoint = endpoint.rstrip("/")
        self.token = token
        self.parent = f"projects/{project}/locations/{location}"

    def call(self, method, name, body=None):
        """One request; `name` is a resource's name, with :action if there is one. Returns the decoded answer."""
        request = urllib.request.Request(f"{self.endpoint}/v1/{name}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as problem:
            with problem:
                error = json.loads(problem.read())["error"]
            raise ApiError(problem.code, error["status"], error["message"]) from None

    def result(self, operation):
        """Waits for a long-running operation, and returns its response."""
        while not operation.get("done"):
            operation = self.call("POST", operation["name"] + ":wait", {"timeout": "20s"})
        if "error" in operation:
            raise ApiError(0, operation["error"]["code"], operation["error"]["message"])
        return operation["response"]


class Study:
    """A study that exists; every method is one of Vizier's."""

    def __init__(self, client, resource):
        self.client = client
        self.resource = resource
        self.name = resource["name"]

    @classmethod
    def create(cls, client, display_name, spec):
        return cls(client, client.call("POST", f"{client.parent}/studies",
                                       {"displayName": display_name, "studySpec": spec}))

    @classmethod
    def lookup(cls, client, display_name):
        return cls(client, client.call("POST", f"{client.parent}/studies:lookup", {"displayName": display_name}))

    @classmethod
    def open(cls, client, display_name, spec):
        """The study with this name; it is created if there is none."""
        try:
            return cls.lookup(client, display_name)
        except ApiError as problem:
            if problem.code != "NOT_FOUND":
                raise
        try:
            return cls.create(client, display_name, spec)
        except ApiError as problem:
            if problem.code != "ALREADY_EXISTS":  # created by another client at the same moment
                raise
        return cls.lookup(client, display_name)

    def suggest(self, client_id, count=1):
        """Trials for this client to evaluate; none when the study is completed."""
        operation = self.client.call("POST", f"{self.name}/trials:suggest",
                                     {"clientId": client_id, "suggestionCount": count})
        return self.client.result(operation).get("trials", [])

    def measure(self, trial, step, metrics):
        """Reports the metrics of a trial at a step; steps must increase."""
        return self.client.call("POST", f"{trial['name']}:addTrialMeasurement",
                                {"measurement": measurement(step, metrics)})

    def should_stop(self, trial):
        """Whether the study's stopping rule says that the trial should end."""
        operation = self.client.call("POST", f"{trial['name']}:checkTrialEarlyStoppingState", {})
        return self.client.result(operation).get("shouldStop", False)

    def complete(self, trial, metrics=None, step=0):
        """Ends a trial; without metrics its measurements decide."""
        body = {} if metrics is None else {"finalMeasurement": measurement(step, metrics)}
        return self.client.call("POST", f"{trial['name']}:complete", body)

    def infeasible(self, trial, reason):
        """Ends a trial whose parameters cannot be evaluated."""
        return self.client.call("POST", f"{trial['name']}:complete",
                                {"trialInfeasible": True, "infeasibleReason": reason})

    def trials(self):
        """All trials, in the order of their numbers."""
        found, page = [], ""
        while True:
            answer = self.client.call("GET", f"{self.name}/trials?pageSize=1000&pageToken={page}")
            found += answer.get("trials", [])
            page = answer.get("nextPageToken", "")
            if not page:
                return found

    def optimal(self):
        """The best trial; with several objectives those that no other beats in all objectives."""
        return self.client.call("POST", f"{self.name}/trials:listOptimalTrials", {}).get("optimalTrials", [])

    def delete(self):
        self.client.call("DELETE", self.name)


def measurement(step, metrics):
    return {"stepCount": str(step), "metrics": [{"metricId": name, "value": value} for name, value in metrics.items()]}


def parameters_of(trial):
    """{"x": 0.5, "layers": 3, "optimizer": "adam"}"""
    return {each["parameterId"]: each["value"] for each in trial["parameters"]}


def metrics_of(trial):
    """The trial's final metrics. A value of 0 is left out of the JSON, as is every default."""
    return {each["metricId"]: each.get("value", 0.0) for each in trial["finalMeasurement"]["metrics"]}
